# What the runtime does beside forwarding requests: asynchronous queues, data capture, metrics.
if(TARGET emulator_services)
  sagemaker_test(runtime_services
    SOURCES runtime_async.cpp runtime_watchers.cpp
    LINKS emulator_services
    LABELS unit)
endif()
