if(TARGET emulator_service_metrics)
  sagemaker_test(metrics_service
    SOURCES metrics_alarms.cpp metrics_store.cpp metrics_operations.cpp metrics_expressions.cpp
    LINKS emulator_service_metrics
    LABELS unit)
endif()
sagemaker_test(cbor SOURCES cbor.cpp LINKS emulator_validation LABELS unit)
sagemaker_test(log_follow SOURCES log_follow.cpp LABELS unit)
