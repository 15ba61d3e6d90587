# Request validation and the query protocol; included by emulator/wire/CMakeLists.txt. A layer of its own, so that
# its tests need nothing of the rest.
emulator_layer(validation
  SOURCES validation.cpp validation_table.cpp java_text.cpp query_protocol.cpp query_compatible.cpp cbor.cpp
  LINKS emulator_pattern)
list(APPEND wire_links emulator_validation)
