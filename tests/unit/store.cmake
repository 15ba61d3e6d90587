sagemaker_test(store
  SOURCES store_database.cpp store_records.cpp store_objects.cpp store_versions.cpp store_blobs.cpp store_logs.cpp
  LINKS emulator_store LABELS unit)

# The protocol of S3 is tested by itself: the layer it belongs to needs every other service.
set(s3_wire "${PROJECT_SOURCE_DIR}/emulator/wire")
sagemaker_test(s3
  SOURCES s3_checksum.cpp s3_chunked.cpp s3_buckets.cpp s3_bucket_settings.cpp s3_cors.cpp s3_addresses.cpp
          s3_form_upload.cpp s3_listing.cpp s3_objects.cpp s3_integrity.cpp s3_copy.cpp
          s3_multipart.cpp s3_versions.cpp s3_tagging.cpp s3_details.cpp
          ${s3_wire}/multipart_form.cpp ${s3_wire}/s3_address.cpp ${s3_wire}/s3_chunked.cpp ${s3_wire}/s3_cors.cpp
          ${s3_wire}/s3_documents.cpp ${s3_wire}/s3_form_upload.cpp ${s3_wire}/s3_payload.cpp
          ${s3_wire}/s3_post_policy.cpp ${s3_wire}/s3_protocol.cpp ${s3_wire}/s3_request.cpp
          ${s3_wire}/s3_response.cpp ${s3_wire}/s3_response_documents.cpp ${s3_wire}/s3_settings.cpp
          ${s3_wire}/s3_shape.cpp ${s3_wire}/s3_xml.cpp ${s3_wire}/xml_document.cpp
          "${PROJECT_SOURCE_DIR}/emulator/http/host_names.cpp"
  LINKS emulator_service_s3 LABELS unit)
