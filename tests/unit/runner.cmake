# The layer that runs processes: archives, containers, training jobs, instances of endpoints.
foreach(part archive container inputs pipe serving training)
  sagemaker_test(runner_${part} SOURCES runner_${part}.cpp LINKS emulator_runner LABELS unit)
endforeach()
