if(TARGET emulator_service_logs)
  find_package(SQLite3 REQUIRED) # a test counts the steps of its machine
  sagemaker_test(logs_service
    SOURCES
      logs_groups.cpp
      logs_put_events.cpp
      logs_get_events.cpp
      logs_read_cost.cpp
      logs_filter_events.cpp
      logs_event_filter.cpp
      logs_hostile_lines.cpp
      logs_retention_and_tags.cpp
      logs_writer.cpp
    LINKS emulator_service_logs emulator_services SQLite::SQLite3
    LABELS unit)
endif()
