# The layer that runs processes: archives, containers, training jobs, instances of endpoints.
foreach(part archive container http_client http_upload inputs outputs pipe processing serving serving_health
        serving_network serving_streams training world)
  sagemaker_test(runner_${part} SOURCES runner_${part}.cpp LINKS emulator_runner LABELS unit)
endforeach()
