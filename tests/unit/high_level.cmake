# The high-level API against scripted services: what is sent, in which order, and what becomes of the answers.
sagemaker_test(high_level_data SOURCES high_level_data.cpp LABELS unit)
sagemaker_test(high_level_sources SOURCES high_level_sources.cpp LABELS unit)
sagemaker_test(high_level_session SOURCES high_level_session.cpp LABELS unit)
sagemaker_test(high_level_training SOURCES high_level_training.cpp LABELS unit)
sagemaker_test(high_level_hosting SOURCES high_level_hosting.cpp LABELS unit)
sagemaker_test(high_level_deploy SOURCES high_level_deploy.cpp LABELS unit)
sagemaker_test(high_level_predictor SOURCES high_level_predictor.cpp LABELS unit)
sagemaker_test(high_level_formats SOURCES high_level_formats.cpp LABELS unit)
sagemaker_test(high_level_transformer SOURCES high_level_transformer.cpp LABELS unit)
sagemaker_test(high_level_tuner SOURCES high_level_tuner.cpp LABELS unit)
sagemaker_test(high_level_tuner_following SOURCES high_level_tuner_following.cpp LINKS util LABELS unit)
sagemaker_test(high_level_jobs SOURCES high_level_jobs.cpp LABELS unit)
sagemaker_test(high_level_processing SOURCES high_level_processing.cpp LABELS unit)
sagemaker_test(high_level_local SOURCES high_level_local.cpp LABELS unit)
sagemaker_test(high_level_options SOURCES high_level_options.cpp LABELS unit)
sagemaker_test(high_level_following SOURCES high_level_following.cpp LINKS util LABELS unit)

# cpp-httplib's macros decide the layout of its classes: a compile by hand that forgets them is told so, and does
# not crash later.
add_test(NAME high_level_compile_by_hand
  COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -E -I ${PROJECT_SOURCE_DIR}/include -x c++
    ${PROJECT_SOURCE_DIR}/include/sagemaker/aws/httplib_transport.hpp -o /dev/null)
set_tests_properties(high_level_compile_by_hand PROPERTIES LABELS unit TIMEOUT 120
  PASS_REGULAR_EXPRESSION "pkg-config --cflags --libs cpp-httplib")
