sagemaker_test(http_parsing
  SOURCES http_header_block.cpp http_chunk_decoder.cpp
  LINKS emulator_http LABELS unit)
sagemaker_test(http_server
  SOURCES http_server.cpp http_server_bodies.cpp http_server_limits.cpp http_worker_pool.cpp
  LINKS emulator_http LABELS unit)
sagemaker_test(authenticator
  SOURCES http_authenticator_s3.cpp http_authenticator_documents.cpp
  LINKS emulator_wire LABELS unit)
