sagemaker_test(http_parsing
  SOURCES http_header_block.cpp http_chunk_decoder.cpp
  LINKS emulator_http LABELS unit)
sagemaker_test(http_server
  SOURCES http_server.cpp http_server_bodies.cpp http_server_limits.cpp http_worker_pool.cpp
  LINKS emulator_http LABELS unit)
# The same promises over TLS.
add_test(NAME http_server_over_tls COMMAND test_http_server)
sagemaker_test_properties(http_server_over_tls LABELS unit)
set_property(TEST http_server_over_tls APPEND PROPERTY ENVIRONMENT "SAGEMAKER_TEST_TLS=1")
sagemaker_test(http_tls
  SOURCES http_tls.cpp http_tls_attacks.cpp http_certificates.cpp http_tunnel.cpp
  LINKS emulator_http LABELS unit)
sagemaker_test(authenticator
  SOURCES http_authenticator_s3.cpp http_authenticator_documents.cpp http_authenticator_v2.cpp
  LINKS emulator_wire LABELS unit)
