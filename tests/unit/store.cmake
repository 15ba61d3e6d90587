sagemaker_test(store
  SOURCES store_database.cpp store_records.cpp store_objects.cpp store_logs.cpp
  LINKS emulator_store LABELS unit)
