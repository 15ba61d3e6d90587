if(TARGET emulator_services)
  sagemaker_test(changes SOURCES services_changes.cpp LINKS emulator_wire LABELS unit)
endif()
