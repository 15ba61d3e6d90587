"""Prints what botocore's own endpoint rules say: service, region, fips, dual stack, legacy, host, signing region.

Exit status 77 with a reason where botocore is not installed or too old to know today's rules."""
import itertools
import sys

try:
    import botocore
    import botocore.session
    from botocore.endpoint_provider import EndpointProvider
except ImportError as error:
    print(f"botocore is not installed ({error})")
    sys.exit(77)

if tuple(int(part) for part in botocore.__version__.split(".")[:2]) < (1, 40):
    print(f"botocore {botocore.__version__} is older than 1.40")
    sys.exit(77)

# botocore's name of the service and the prefix of its hosts.
SERVICES = {
    "sagemaker": "api.sagemaker",
    "sagemaker-runtime": "runtime.sagemaker",
    "logs": "logs",
    "cloudwatch": "monitoring",
    "s3": "s3",
    "sts": "sts",
    "iam": "iam",
    "sso": "portal.sso",
    "sso-oidc": "oidc",
}
loader = botocore.session.get_session().get_component("data_loader")
partitions = loader.load_data("partitions")
regions = sorted(region for partition in partitions["partitions"] for region in partition["regions"])
regions += ["us-east-99", "mars-north-9", "us-gov-north-7", "cn-south-1", "eusc-de-west-2"]
for service, prefix in SERVICES.items():
    rules = loader.load_service_model(service, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, partitions)
    legacy_choices = [False, True] if "UseGlobalEndpoint" in rules["parameters"] else [False]
    for region, fips, dual, legacy in itertools.product(regions, [False, True], [False, True], legacy_choices):
        parameters = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
        if legacy:
            parameters["UseGlobalEndpoint"] = True
        try:
            found = provider.resolve_endpoint(**parameters)
            host = found.url.removeprefix("https://")
            schemes = found.properties.get("authSchemes") or [{}]
            signing = schemes[0].get("signingRegion", region)
        except botocore.exceptions.EndpointProviderError:
            host, signing = "error", "error"
        print(prefix, region, int(fips), int(dual), int(legacy), host, signing)
