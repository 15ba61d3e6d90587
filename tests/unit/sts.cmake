if(TARGET emulator_service_sts)
  sagemaker_test(sts_service SOURCES sts_operations.cpp LINKS emulator_service_sts LABELS unit)
endif()
