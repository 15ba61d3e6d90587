# The clients: include/sagemaker/aws and include/sagemaker/clients.
foreach(part basics sigv4 config client clients event_stream runtime_stream s3 transport)
  sagemaker_test(aws_${part} SOURCES ${CMAKE_CURRENT_LIST_DIR}/aws_${part}.cpp LABELS unit)
endforeach()
