# Against a real sagemaker-local, through the public headers.
sagemaker_test(control_plane SOURCES control_plane.cpp LABELS emulator)
add_dependencies(test_control_plane sagemaker-local)
sagemaker_test(https SOURCES https.cpp LABELS emulator)
add_dependencies(test_https sagemaker-local)
if(SAGEMAKER_HAS_TORCH)
  sagemaker_test(script_mode SOURCES script_mode.cpp LABELS emulator torch TIMEOUT 600)
  add_dependencies(test_script_mode sagemaker-local)
endif()
