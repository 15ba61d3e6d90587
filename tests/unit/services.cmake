if(TARGET emulator_services)
  sagemaker_test(changes SOURCES services_changes.cpp LINKS emulator_wire LABELS unit)
  sagemaker_test(metric_scanner SOURCES services_metric_scanner.cpp LINKS emulator_services LABELS unit)
  sagemaker_test(hosting_services
    SOURCES hosting_environment_pool.cpp hosting_model_cache.cpp hosting_placement.cpp hosting_rolling.cpp
      hosting_traffic.cpp services_background.cpp
    LINKS emulator_services LABELS unit)
  sagemaker_test(objective_feed SOURCES objective_feed.cpp LINKS emulator_services LABELS unit)
  sagemaker_test(tuning_course SOURCES tuning_course.cpp LINKS emulator_services LABELS unit)
  sagemaker_test(autoscaling SOURCES autoscaling.cpp LINKS emulator_services LABELS unit)
endif()
