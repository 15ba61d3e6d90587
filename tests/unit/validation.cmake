sagemaker_test(validation
  SOURCES validation_types.cpp validation_constraints.cpp validation_mutations.cpp validation_table.cpp
  LINKS emulator_validation
  LABELS unit)
sagemaker_test(pattern SOURCES validation_pattern.cpp LINKS emulator_pattern LABELS unit)
sagemaker_test(query_protocol SOURCES validation_query_protocol.cpp LINKS emulator_validation LABELS unit)

find_program(SAGEMAKER_PYTHON3 python3)
if(SAGEMAKER_PYTHON3)
  add_test(NAME validation_table_is_current
    COMMAND "${SAGEMAKER_PYTHON3}" "${PROJECT_SOURCE_DIR}/emulator/wire/generate_validation_table.py"
            --check "${PROJECT_SOURCE_DIR}/emulator/wire/validation_table.inc")
  sagemaker_test_properties(validation_table_is_current LABELS unit)
endif()
if(SAGEMAKER_PYTHON3)
  add_executable(pattern_python pattern_python.cpp)
  target_link_libraries(pattern_python PRIVATE emulator_services)
  sagemaker_own_code(pattern_python)
  add_test(NAME pattern_python
    COMMAND "${SAGEMAKER_PYTHON3}" -B "${CMAKE_CURRENT_SOURCE_DIR}/pattern_python.py" "$<TARGET_FILE:pattern_python>")
  sagemaker_test_properties(pattern_python LABELS unit)
endif()
