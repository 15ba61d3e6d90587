# How hyperparameters are searched: numbers in, numbers out.
sagemaker_test(tuning_space SOURCES tuning_space.cpp LINKS emulator_tuning LABELS unit)
sagemaker_test(tuning_random SOURCES tuning_random.cpp LINKS emulator_tuning LABELS unit)
sagemaker_test(tuning_stopping SOURCES tuning_stopping.cpp tuning_auto_ranges.cpp LINKS emulator_tuning LABELS unit)
# Tuning jobs in the services: their requests, and what their training jobs' records say.
if(TARGET emulator_services)
  sagemaker_test(tuning_services SOURCES tuning_definition.cpp tuning_trials.cpp LINKS emulator_services LABELS unit)
endif()
