# What training jobs are made of in the services: the queue for instances, folders in step with S3, billing.
if(TARGET emulator_services)
  sagemaker_test(training_services
    SOURCES training_capacity.cpp training_folder_sync.cpp training_state.cpp
    LINKS emulator_services
    LABELS unit)
endif()
