# The client's classes of hosting against sagemaker-local.
add_executable(answers_program programs/answers.cpp)
target_link_libraries(answers_program PRIVATE sagemaker::sagemaker)
sagemaker_own_code(answers_program)
sagemaker_test(hosting_client SOURCES hosting_client.cpp LABELS emulator)
target_compile_definitions(test_hosting_client PRIVATE ANSWERS_PROGRAM="$<TARGET_FILE:answers_program>")
add_dependencies(test_hosting_client sagemaker-local answers_program)
