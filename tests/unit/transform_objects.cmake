# One object of a transform job: its records, the requests made of them, and what is written of the answers.
if(TARGET emulator_services)
  sagemaker_test(transform_objects
    SOURCES transform_joined.cpp transform_objects.cpp transform_records.cpp
    LINKS emulator_services LABELS unit)
endif()
