list(APPEND wire_sources
  authenticator.cpp authenticator_forms.cpp authentication_faults.cpp signature_v2.cpp)
