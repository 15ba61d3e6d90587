list(APPEND wire_sources authenticator.cpp authentication_faults.cpp)
