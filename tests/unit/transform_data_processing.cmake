# What batch transform jobs are made of in the services.
if(TARGET emulator_services)
  sagemaker_test(transform_data_processing SOURCES transform_data_processing.cpp transform_json_path.cpp
    LINKS emulator_services LABELS unit)
endif()
