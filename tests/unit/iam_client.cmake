sagemaker_test(aws_iam SOURCES ${CMAKE_CURRENT_LIST_DIR}/aws_iam.cpp LABELS unit)
