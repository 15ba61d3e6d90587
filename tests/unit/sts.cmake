if(TARGET emulator_service_sts)
  sagemaker_test(identities
    SOURCES sts_operations.cpp sts_web_identity.cpp iam_operations.cpp
    LINKS emulator_service_sts emulator_service_logs emulator_validation LABELS unit)
endif()
