// How a tuning job goes: what it tries next, which trials it ends early, and when it is over, from what is
// told of its trials and of the time.
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "emulator/services/sagemaker/tuning/course.hpp"

using namespace sagemaker::local;
using namespace sagemaker::local::services::tuning_job;
using namespace std::chrono_literals;
using sagemaker::json;

namespace {

Definition definition(const std::string& name = "", tuning::Goal goal = tuning::Goal::minimize) {
  return {.name = name,
          .objective = {goal, "score"},
          .space = tuning::Space({{"x", tuning::Continuous{}}}),
          .document = json::object(),
          .max_resource = std::nullopt};
}

Plan plan(std::size_t trials, std::size_t parallel) {
  Plan plan;
  plan.strategy = Strategy::random;
  plan.definitions = {definition()};
  plan.trials_max = trials;
  plan.parallel_max = parallel;
  return plan;
}

TrialJob trial(const Course::Proposal& proposal, const Plan& plan) {
  TrialJob told;
  told.job.name = "trial-" + std::to_string(proposal.number);
  told.job.status = "InProgress";
  told.job.document = json::object();
  told.number = proposal.number;
  told.definition = plan.definitions.at(proposal.definition).name;
  told.tuned = proposal.parameters;
  return told;
}

// Begins what is to be begun, and gives it to the test.
std::vector<TrialJob> begin(Course& course) {
  std::vector<TrialJob> begun;
  for (const Course::Proposal& proposal : course.proposals()) begun.push_back(trial(proposal, course.plan()));
  for (const TrialJob& told : begun) course.know(told);
  return begun;
}

void end(Course& course, TrialJob told, const std::string& status, const tuning::Curve& curve) {
  told.job.status = status;
  told.curve = curve;
  told.status = ObjectiveStatus::failed;
  if (status != "Failed" && !curve.empty()) {
    told.status = ObjectiveStatus::succeeded;
    told.objective = curve.back();
  }
  course.know(told);
}

// All trials, one after the other, with these objectives, until the course says that it is over.
std::size_t run_through(Course& course, const std::vector<double>& objectives) {
  std::size_t run = 0;
  while (run < objectives.size() && !course.ending(0s)) {
    for (const TrialJob& told : begin(course)) end(course, told, "Completed", {objectives.at(run)});
    ++run;
  }
  return run;
}

}  // namespace

TEST_CASE("as many trials run as are asked for, and their numbers go on") {
  Course course(plan(5, 2), {});
  const auto first = begin(course);
  REQUIRE(first.size() == 2);
  CHECK(first[0].number == 1);
  CHECK(first[1].number == 2);
  CHECK(begin(course).empty());
  end(course, first[1], "Completed", {1.0});
  const auto third = begin(course);
  REQUIRE(third.size() == 1);
  CHECK(third[0].number == 3);
  CHECK(course.counters().in_progress == 2);
  CHECK(course.counters().completed == 1);
  end(course, first[0], "Completed", {2.0});
  end(course, third[0], "Completed", {3.0});
  for (const TrialJob& told : begin(course)) end(course, told, "Completed", {4.0});
  CHECK(course.created() == 5);
  REQUIRE(course.ending(0s));
  CHECK(course.ending(0s)->status == "Completed");
  REQUIRE(course.best());
  CHECK(*course.best() == "trial-2");
}

TEST_CASE("what was not begun is proposed again") {
  Course course(plan(5, 2), {});
  const auto proposals = course.proposals();
  REQUIRE(proposals.size() == 2);
  const auto again = course.proposals();
  REQUIRE(again.size() == 2);
  CHECK(again[0].parameters == proposals[0].parameters);
  CHECK(again[1].number == proposals[1].number);
}

TEST_CASE("numbers of trials that are not known any more are not given again") {
  Course course(plan(5, 5), {}, 3);
  const auto begun = begin(course);
  REQUIRE(begun.size() == 2);
  CHECK(begun[0].number == 4);
}

TEST_CASE("the runtime ends a tuning job, whatever still runs") {
  Plan limited = plan(5, 2);
  limited.runtime_s = 120;
  Course course(limited, {});
  begin(course);
  CHECK(!course.ending(119'999ms));
  REQUIRE(course.ending(120s));
  CHECK(course.ending(120s)->status == "Completed");
  CHECK(course.ending(0s));  // and that is the end of it
  CHECK(course.running_freely().size() == 2);
}

TEST_CASE("a target that the best trial has reached ends a tuning job") {
  for (const tuning::Goal goal : {tuning::Goal::minimize, tuning::Goal::maximize}) {
    Plan aimed = plan(9, 1);
    aimed.definitions = {definition("", goal)};
    aimed.completion.target = 5.0;
    Course course(aimed, {});
    const double sign = goal == tuning::Goal::minimize ? 1.0 : -1.0;
    CHECK(run_through(course, {5.0 + sign, 5.0 + sign / 2, 5.0, 5.0 - sign}) == 3);
  }
}

TEST_CASE("a tuning job fails where no trial has an objective") {
  const auto reason = [](std::size_t trials, const std::string& status) {
    Course course(plan(trials, 1), {});
    while (!course.ending(0s))
      for (const TrialJob& told : begin(course)) end(course, told, status, {});
    CHECK(course.ending(0s)->status == "Failed");
    return course.ending(0s)->reason;
  };
  CHECK(reason(9, "Failed").starts_with("No training job succeeded after 5 attempts."));
  CHECK(reason(3, "Failed").starts_with("All training jobs failed."));
  CHECK(reason(9, "Completed").starts_with("No objective metrics found after running 5 training jobs."));
}

TEST_CASE("one objective is enough to go on") {
  Course course(plan(8, 1), {});
  for (int n = 0; n < 8; ++n)
    for (const TrialJob& told : begin(course)) end(course, told, n == 2 ? "Completed" : "Failed", {1.0});
  REQUIRE(course.ending(0s));
  CHECK(course.ending(0s)->status == "Completed");
  CHECK(course.counters().non_retryable_error == 7);
  CHECK(course.counters().failed == 7);
  CHECK(course.counters().succeeded == 1);
}

TEST_CASE("early stopping names trials that fall behind until they are told to stop") {
  Plan early = plan(20, 1);
  early.early_stopping = true;
  Course course(early, {});
  for (int n = 0; n < 8; ++n)
    for (const TrialJob& told : begin(course)) end(course, told, "Completed", {3.0, 2.0, 1.0});
  const auto last = begin(course);
  REQUIRE(last.size() == 1);
  const std::string& job = last[0].job.name;
  course.hear(job, {2.0, 1.5});
  CHECK(course.not_worth_their_time().empty());
  course.hear(job, {2.0, 1.5, 9.0, 0.5});  // behind at its third epoch, though others came with it
  CHECK(course.not_worth_their_time() == std::vector<std::string>{job});
  course.stopping(job);
  CHECK(course.not_worth_their_time().empty());
  CHECK(course.running() == 1);
  end(course, last[0], "Stopped", {2.0, 1.5, 9.0});
  CHECK(course.counters().stopped == 1);
  CHECK(course.counters().succeeded == 9);
}

TEST_CASE("early stopping spares a trial at its own last epoch, when it writes its model") {
  Plan early = plan(20, 1);
  early.early_stopping = true;
  early.definitions[0].document = {{"StaticHyperParameters", {{"epochs", "3"}}}};
  Course course(early, {});
  for (int n = 0; n < 8; ++n)
    for (const TrialJob& told : begin(course)) end(course, told, "Completed", {3.0, 2.0, 1.0, 1.0});
  const std::string job = begin(course).at(0).job.name;
  course.hear(job, {3.0, 2.0, 9.0});
  CHECK(course.not_worth_their_time().empty());
  course.hear(job, {3.0, 2.0, 9.0, 9.0});  // what it reports are no epochs
  CHECK(course.not_worth_their_time() == std::vector<std::string>{job});
}

TEST_CASE("without early stopping nobody falls behind") {
  Course course(plan(20, 1), {});
  for (int n = 0; n < 8; ++n)
    for (const TrialJob& told : begin(course)) end(course, told, "Completed", {3.0, 2.0, 1.0});
  const auto last = begin(course);
  course.hear(last.at(0).job.name, {9.0, 9.0, 9.0});
  CHECK(course.not_worth_their_time().empty());
}

TEST_CASE("a trial that used the greatest resource of Hyperband has had enough") {
  Plan banded = plan(20, 1);
  banded.strategy = Strategy::hyperband;
  banded.definitions[0].max_resource = 4;
  Course course(banded, {});
  const auto first = begin(course);
  const std::string& job = first.at(0).job.name;
  course.hear(job, {3.0, 2.0, 1.0});
  CHECK(course.not_worth_their_time().empty());
  course.hear(job, {3.0, 2.0, 1.0, 0.5});
  CHECK(course.not_worth_their_time() == std::vector<std::string>{job});
}

TEST_CASE("a trial of Hyperband that has come to its own last epoch may write its model") {
  Plan banded = plan(20, 1);
  banded.strategy = Strategy::hyperband;
  banded.definitions[0].max_resource = 4;
  banded.definitions[0].document = {{"StaticHyperParameters", {{"epochs", "4"}}}};
  Course course(banded, {});
  const auto first = begin(course);
  const std::string& job = first.at(0).job.name;
  course.hear(job, {3.0, 2.0, 1.0, 0.5});
  CHECK(course.not_worth_their_time().empty());
  course.hear(job, {3.0, 2.0, 1.0, 0.5, 0.4});  // what it reports are no epochs
  CHECK(course.not_worth_their_time() == std::vector<std::string>{job});
}

TEST_CASE("trials without an improvement are counted from the last one that was noticeable") {
  const auto counted = [](const std::vector<double>& objectives) {
    Course course(plan(objectives.size() + 1, 1), {});
    CHECK(run_through(course, objectives) == objectives.size());
    return course.not_improving();
  };
  CHECK(counted({}) == 0);
  CHECK(counted({5}) == 0);
  CHECK(counted({5, 5}) == 1);
  CHECK(counted({5, 4}) == 0);
  CHECK(counted({5, 4, 4, 6, 3.99}) == 3);
  CHECK(counted({4, 4, 4, 4, 4, 4, 4}) == 6);
}

TEST_CASE("definitions share the trials evenly, also where one has nothing left") {
  Plan several = plan(8, 3);
  several.strategy = Strategy::grid;
  several.definitions = {definition("few"), definition("many")};
  several.definitions[0].space = tuning::Space({{"x", tuning::Categorical{{"a", "b"}}}});
  several.definitions[1].space = tuning::Space({{"x", tuning::Categorical{{"a", "b", "c", "d", "e", "f"}}}});
  Course course(several, {});
  std::vector<std::string> order;
  while (!course.ending(0s))
    for (const TrialJob& told : begin(course)) {
      order.push_back(told.definition);
      end(course, told, "Completed", {told.definition == "few" ? 2.0 : 1.0});
    }
  CHECK(order.size() == 8);
  CHECK(std::count(order.begin(), order.end(), "few") == 2);
  CHECK(std::count(order.begin(), order.begin() + 4, "few") == 2);
  CHECK(course.ending(0s)->status == "Completed");
}

TEST_CASE("a trial whose training job is gone keeps its last value") {
  Course course(plan(3, 1), {});
  const auto first = begin(course);
  course.hear(first.at(0).job.name, {3.0, 2.0});
  CHECK(course.lose(first.at(0).job.name) == 2.0);
  CHECK(course.running() == 0);
  CHECK(course.counters().stopped == 1);
  CHECK(course.counters().succeeded == 1);
  CHECK(*course.best() == first[0].job.name);
  CHECK_FALSE(course.lose(begin(course).at(0).job.name));  // it had said nothing
  CHECK(course.counters().failed == 1);
}

TEST_CASE("a course that is told its history again goes on in the same way") {
  const auto objective = [](const TrialJob& told) { return std::stod(told.tuned.at("x")); };
  Course whole(plan(6, 1), {});
  std::vector<TrialJob> known;
  while (!whole.ending(0s))
    for (const TrialJob& told : begin(whole)) {
      known.push_back(told);
      end(whole, told, "Completed", {objective(told)});
    }
  Course resumed(plan(6, 1), {});
  for (std::size_t n = 0; n < 3; ++n) {
    resumed.know(known[n]);
    end(resumed, known[n], "Completed", {objective(known[n])});
  }
  for (std::size_t n = 3; n < 6; ++n) {
    const auto begun = begin(resumed);
    REQUIRE(begun.size() == 1);
    CHECK(begun[0].tuned == known[n].tuned);
    end(resumed, begun[0], "Completed", {objective(begun[0])});
  }
}
