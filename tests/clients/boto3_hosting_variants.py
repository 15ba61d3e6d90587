"""boto3 shares the requests of an endpoint among variants and instances, and changes both while it serves."""

import collections
import threading

import endpoints
import local_emulator
from botocore.exceptions import ClientError

SERVE = endpoints.program("""
if body == b"slow": time.sleep(1.5)
self.reply(200, f"{os.environ['WORD']} {address[0]}:{address[1]}".encode())
""")
ARN = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/"


class Variants(endpoints.Endpoints, local_emulator.EmulatorTest):
    def setUp(self):
        self.clients()

    def clients(self):
        self.sagemaker = self.emulator.client("sagemaker", retries=False)
        self.runtime = self.emulator.client("sagemaker-runtime", retries=False)

    def model(self, name):
        self.create_model(name, {"Image": self.emulator.program("serve", SERVE), "Environment": {"WORD": name}})

    def answers(self, name, count, **more):
        """How often each variant and each of their instances has answered."""
        replies = [self.answer(name, **more).decode().split() for _ in range(count)]
        return collections.Counter(word for word, _ in replies), collections.Counter(who for _, who in replies)

    def change(self, name, **desired):
        """UpdateEndpointWeightsAndCapacities: variant=(weight, count), either None."""
        entries = []
        for variant, (weight, count) in desired.items():
            entries.append({"VariantName": variant})
            if weight is not None:
                entries[-1]["DesiredWeight"] = weight
            if count is not None:
                entries[-1]["DesiredInstanceCount"] = count
        self.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=entries)

    def test_requests_go_to_variants_by_weight_and_to_the_one_that_is_asked_for(self):
        self.model("blue")
        self.model("green")
        self.create_endpoint(
            "weights",
            self.variant("blue", "B", InitialVariantWeight=3),
            self.variant("green", "G", count=2, InitialVariantWeight=1),
        )
        self.in_service("weights")
        words, instances = self.answers("weights", 400)
        # 100 expected, a standard deviation of 8.7: a hundred million runs differ by less than this.
        self.assertTrue(50 <= words["green"] <= 150, words)
        self.assertEqual(len(instances), 3)
        self.assertEqual(self.answers("weights", 20, TargetVariant="G")[0], {"green": 20})
        reply = self.invoke("weights", TargetVariant="B")
        self.assertEqual(reply["InvokedProductionVariant"], "B")
        code, message = self.refusal(self.invoke, "weights", TargetVariant="X")
        self.assertEqual((code, message), ("ValidationError", "Variant X not found for endpoint weights."))
        # All to one, while the other still answers who asks for it.
        self.change("weights", B=(0, None), G=(5, 1))
        endpoint = self.in_service("weights")
        variants = {variant["VariantName"]: variant for variant in endpoint["ProductionVariants"]}
        self.assertEqual((variants["B"]["CurrentWeight"], variants["G"]["CurrentWeight"]), (0, 5))
        self.assertEqual((variants["G"]["CurrentInstanceCount"], variants["G"]["DesiredInstanceCount"]), (1, 1))
        words, instances = self.answers("weights", 50)
        self.assertEqual((words, len(instances)), ({"green": 50}, 1))
        self.assertEqual(self.answers("weights", 5, TargetVariant="B")[0], {"blue": 5})
        self.delete("weights")

    def test_the_least_busy_instance_takes_the_next_request(self):
        self.model("routed")
        self.create_endpoint(
            "routed",
            self.variant("routed", count=2, RoutingConfig={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}),
        )
        self.in_service("routed")
        slow = []
        thread = threading.Thread(target=lambda: slow.append(self.answers("routed", 1, body=b"slow")[1]))
        thread.start()
        quick = collections.Counter()
        while thread.is_alive():
            quick += self.answers("routed", 1)[1]
        thread.join()
        busy = next(iter(slow[0]))
        # Before the slow request was there either could be chosen.
        self.assertLess(quick[busy], 0.2 * sum(quick.values()))
        self.delete("routed")

    def test_changes_that_make_no_sense_are_refused_and_change_nothing(self):
        self.model("kept")
        self.create_endpoint("kept", self.variant("kept"))
        before = self.in_service("kept")
        code, message = self.refusal(self.change, "kept", Other=(1, None))
        self.assertEqual(code, "ValidationException")
        self.assertEqual(message, f'Could not find variant "Other" of endpoint "{ARN}kept".')
        code, message = self.refusal(self.change, "kept", AllTraffic=(None, 0))
        self.assertEqual(code, "ValidationException")
        self.assertIn("Member must have value greater than or equal to 1", message)
        # More processes than a machine has room for are not even begun.
        code, message = self.refusal(self.change, "kept", AllTraffic=(None, 2_000_000_000))
        self.assertEqual(code, "ResourceLimitExceeded")
        self.assertIn("for endpoint usage' is 250 Instances, with current utilization of 0 Instances", message)
        code, message = self.refusal(self.change, "none", AllTraffic=(1, None))
        self.assertEqual((code, message), ("ValidationException", f'Could not find endpoint "{ARN}none".'))
        after = self.describe("kept")
        self.assertEqual(before["LastModifiedTime"], after["LastModifiedTime"])
        self.assertEqual(before["ProductionVariants"], after["ProductionVariants"])
        self.change("kept", AllTraffic=(None, 3))
        code, message = self.refusal(self.change, "kept", AllTraffic=(None, 2))
        self.assertEqual((code, message), ("ValidationException", f'Cannot update in-progress endpoint "{ARN}kept".'))
        self.in_service("kept")
        self.delete("kept")

    def test_an_endpoint_comes_back_as_it_was_scaled(self):
        self.model("back")
        self.create_endpoint("back", self.variant("back"))
        self.in_service("back")
        self.change("back", AllTraffic=(2, 3))
        self.in_service("back")
        self.sagemaker.delete_endpoint_config(EndpointConfigName="back")
        self.sagemaker.delete_model(ModelName="back")
        self.emulator.kill()
        self.emulator.start()
        self.clients()
        # Until it serves, clients are told to try again.
        answered = []
        while not answered:
            try:
                answered.append(self.answer("back"))
            except ClientError as error:
                self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 503)
        endpoint = self.in_service("back")
        (variant,) = endpoint["ProductionVariants"]
        self.assertEqual((variant["CurrentInstanceCount"], variant["CurrentWeight"]), (3, 2))
        self.assertEqual(len(self.answers("back", 60)[1]), 3)
        self.delete("back")

    def test_an_update_keeps_or_drops_what_the_variants_had(self):
        self.model("retain")
        self.create_endpoint("retain", self.variant("retain"))
        self.in_service("retain")
        self.change("retain", AllTraffic=(4, 2))
        self.in_service("retain")
        self.sagemaker.create_endpoint_config(
            EndpointConfigName="retain-2", ProductionVariants=[self.variant("retain", InitialVariantWeight=1)]
        )

        def updated(**more):
            self.sagemaker.update_endpoint(EndpointName="retain", EndpointConfigName="retain-2", **more)
            (variant,) = self.in_service("retain")["ProductionVariants"]
            return variant["CurrentWeight"], variant["CurrentInstanceCount"]

        self.assertEqual(updated(RetainAllVariantProperties=True), (4, 2))
        excluded = [{"VariantPropertyType": "DesiredWeight"}]
        self.assertEqual(
            updated(RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=excluded), (1, 2)
        )
        self.assertEqual(updated(), (1, 1))
        self.delete("retain")


if __name__ == "__main__":
    local_emulator.main()
