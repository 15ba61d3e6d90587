# The REST-XML of S3.
list(APPEND wire_sources
  multipart_form.cpp s3_address.cpp s3_chunked.cpp s3_cors.cpp s3_documents.cpp s3_form_upload.cpp s3_payload.cpp
  s3_post_policy.cpp s3_protocol.cpp s3_request.cpp s3_response.cpp
  s3_response_documents.cpp s3_settings.cpp s3_shape.cpp s3_xml.cpp
  xml_document.cpp)
list(APPEND wire_links emulator_service_s3)
