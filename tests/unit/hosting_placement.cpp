// Goal: copies go where there is room, spread or packed, and only as many as fit. Method: placements on counted
// instances.
#include <string>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/hosting/placement.hpp"

using namespace sagemaker::local::services::hosting;
using sagemaker::json;

namespace {

const Resources host{4, 1, 16384};

CopyNeed need(const std::string& component, double cpus, double memory_mb, bool binpack = false,
              double accelerators = 0) {
  return {component, {cpus, accelerators, memory_mb}, binpack};
}

int on(const Placement& placement, std::size_t instance, const std::string& component) {
  const auto copies = placement.copies();
  const auto found = copies.at(instance).find(component);
  return found == copies.at(instance).end() ? 0 : found->second;
}

}  // namespace

TEST_CASE("copies spread over the instances, or fill one after the other") {
  Placement placement(host, 3);
  for (int i = 0; i < 3; ++i) CHECK(placement.place(need("spread", 1, 1024)));
  for (std::size_t i = 0; i < 3; ++i) CHECK(on(placement, i, "spread") == 1);
  for (int i = 0; i < 4; ++i) CHECK(placement.place(need("packed", 1, 1024, true)));
  CHECK(on(placement, 0, "packed") == 3);
  CHECK(on(placement, 1, "packed") == 1);
  // Spread looks at its own copies first.
  CHECK(placement.place(need("spread", 1, 1024)));
  CHECK(on(placement, 2, "spread") == 2);
}

TEST_CASE("every resource counts") {
  Placement placement(host, 1);
  CHECK_FALSE(placement.place(need("cpus", 5, 128)));
  CHECK_FALSE(placement.place(need("memory", 1, 16385)));
  CHECK_FALSE(placement.place(need("accelerators", 1, 128, false, 2)));
  CHECK(placement.place(need("accelerators", 1, 128, false, 1)));
  CHECK_FALSE(placement.place(need("accelerators", 1, 128, false, 1)));
  for (int i = 0; i < 12; ++i) CHECK(placement.place(need("quarter", 0.25, 128)));
  CHECK_FALSE(placement.place(need("quarter", 0.25, 128)));
  CHECK(placement.fits_alone(need("alone", 4, 16384)));
  CHECK_FALSE(placement.fits_alone(need("alone", 4.25, 128)));
}

TEST_CASE("what is released is free, and is taken from where the component has the most") {
  Placement placement(host, 2);
  for (int i = 0; i < 3; ++i) CHECK(placement.place(need("a", 1, 1024)));
  CHECK(on(placement, 0, "a") == 2);
  placement.release("a");
  CHECK(on(placement, 0, "a") == 1);
  CHECK(on(placement, 1, "a") == 1);
  CHECK(placement.idle_instances() == 0);
  placement.release("a");
  placement.release("a");
  placement.release("a");  // none is left
  CHECK(placement.idle_instances() == 2);
}

TEST_CASE("other instances take the copies over, or nothing changes") {
  Placement placement(host, 3);
  for (int i = 0; i < 3; ++i) CHECK(placement.place(need("a", 2, 1024)));
  CHECK_FALSE(placement.rehost(host, 1));
  CHECK(placement.instances() == 3);
  CHECK(placement.rehost(host, 2));
  CHECK(on(placement, 0, "a") + on(placement, 1, "a") == 3);
  CHECK(placement.rehost({8, 0, 4096}, 1));
  CHECK(on(placement, 0, "a") == 3);
  CHECK_FALSE(placement.rehost({8, 0, 2048}, 1));
  CHECK(placement.rehost(host, 5));
  CHECK(placement.idle_instances() >= 3);
}

TEST_CASE("instance types and requirements are read") {
  const Resources large = capacity_of("ml.m5.large");
  CHECK(large.cpus == 2);
  CHECK(large.memory_mb == 8192);
  CHECK(large.accelerators == 0);
  CHECK(capacity_of("local").holds({1000, 1000, 1e9}));
  const Resources need_of = resources_of(json{{"NumberOfCpuCoresRequired", 0.5}, {"MinMemoryRequiredInMb", 256}});
  CHECK(need_of.cpus == 0.5);
  CHECK(need_of.memory_mb == 256);
  CHECK(need_of.accelerators == 0);
}
