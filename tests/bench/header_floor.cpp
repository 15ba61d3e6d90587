// The floor of header.cpp: the third-party headers that a client of JSON web services cannot do without.
#include <httplib.h>

#include <nlohmann/json.hpp>

int main() { return 0; }
