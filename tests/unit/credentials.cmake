# Where the clients' credentials and endpoints come from: include/sagemaker/aws.
foreach(part sources roles sso process metadata refresh)
  sagemaker_test(credentials_${part} SOURCES ${CMAKE_CURRENT_LIST_DIR}/credentials_${part}.cpp LABELS unit)
endforeach()
foreach(part endpoints faults proxy)
  sagemaker_test(aws_${part} SOURCES ${CMAKE_CURRENT_LIST_DIR}/aws_${part}.cpp LABELS unit)
endforeach()
