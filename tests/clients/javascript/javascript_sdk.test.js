// The AWS SDK for JavaScript v3, as programs use it: S3 with streams, multipart uploads, presigned URLs, paginators and
// waiters; SageMaker training jobs, tuning jobs and endpoints; the runtime; CloudWatch Logs. javascript_sdk.py starts
// the emulator.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { before, test } from "node:test";
import { setTimeout } from "node:timers/promises";

import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as s3 from "@aws-sdk/client-s3";
import * as sagemaker from "@aws-sdk/client-sagemaker";
import * as runtime from "@aws-sdk/client-sagemaker-runtime";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const MIB = 1024 * 1024;
const Bucket = "javascript";
const RoleArn = "arn:aws:iam::000000000000:role/SageMakerRole";
const program = process.env.TEST_PROGRAM; // an image that trains and serves
const client = new s3.S3Client({ forcePathStyle: true });
const jobs = new sagemaker.SageMakerClient({});
const patience = { minDelay: 0.05, maxDelay: 0.2, maxWaitTime: 60 };

const bytesOf = async (output) => buffer(output.Body);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function collect(pages, member) {
  const all = [];
  for await (const page of pages) all.push(...(page[member] ?? []));
  return all;
}

before(async () => {
  await client.send(new s3.CreateBucketCommand({ Bucket }));
  await s3.waitUntilBucketExists({ client, ...patience }, { Bucket });
});

test("an object comes back with its bytes, type, metadata and checksum", async () => {
  const Key = "folder/a key+with ?odd&=%chars\u00e9.bin";
  const Body = randomBytes(100_000);
  const put = await client.send(
    new s3.PutObjectCommand({ Bucket, Key, Body, ContentType: "image/png", Metadata: { who: "me" } }));
  assert.equal(put.ETag, `"${createHash("md5").update(Body).digest("hex")}"`);
  assert.ok(put.ChecksumCRC32, "the SDK adds a CRC-32 by itself");
  const got = await client.send(new s3.GetObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  assert.equal(sha256(await bytesOf(got)), sha256(Body));
  assert.deepEqual([got.ContentType, got.Metadata, got.ChecksumCRC32], ["image/png", { who: "me" }, put.ChecksumCRC32]);
  const part = await client.send(new s3.GetObjectCommand({ Bucket, Key, Range: "bytes=10-19" }));
  assert.deepEqual([await bytesOf(part), part.ContentRange], [Body.subarray(10, 20), "bytes 10-19/100000"]);
});

test("every checksum algorithm is accepted and given back", async () => {
  for (const name of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
    const put = await client.send(
      new s3.PutObjectCommand({ Bucket, Key: "sum-" + name, Body: "123456789", ChecksumAlgorithm: name }));
    const head = await client.send(new s3.HeadObjectCommand({ Bucket, Key: "sum-" + name, ChecksumMode: "ENABLED" }));
    assert.ok(put["Checksum" + name], name);
    assert.equal(head["Checksum" + name], put["Checksum" + name], name);
  }
});

test("a stream without a known length is sent with a trailing checksum", async () => {
  const bytes = randomBytes(300_000);
  const chunks = [bytes.subarray(0, 100_000), bytes.subarray(100_000)];
  const put = new s3.PutObjectCommand(
    { Bucket, Key: "stream", Body: Readable.from(chunks), ContentLength: bytes.length, ChecksumAlgorithm: "SHA256" });
  await client.send(put);
  const got = await client.send(new s3.GetObjectCommand({ Bucket, Key: "stream", ChecksumMode: "ENABLED" }));
  assert.equal(sha256(await bytesOf(got)), sha256(bytes));
  assert.equal(got.ChecksumSHA256, createHash("sha256").update(bytes).digest("base64"));
});

test("lib-storage uploads a large stream in parts", async () => {
  const bytes = randomBytes(16 * MIB + 9);
  const progress = [];
  const upload = new Upload({ client, params: { Bucket, Key: "large", Body: Readable.from([bytes]) },
    partSize: 5 * MIB, queueSize: 3 });
  upload.on("httpUploadProgress", (event) => progress.push(event.loaded));
  const done = await upload.done();
  assert.match(done.ETag, /-4"$/);
  assert.equal(Math.max(...progress), bytes.length);
  const got = await client.send(new s3.GetObjectCommand({ Bucket, Key: "large" }));
  assert.equal(sha256(await bytesOf(got)), sha256(bytes));
});

test("an aborted upload leaves nothing", async () => {
  const { UploadId } = await client.send(new s3.CreateMultipartUploadCommand({ Bucket, Key: "aborted" }));
  await client.send(new s3.UploadPartCommand({ Bucket, Key: "aborted", UploadId, PartNumber: 1, Body: "part" }));
  const parts = await client.send(new s3.ListPartsCommand({ Bucket, Key: "aborted", UploadId }));
  assert.equal(parts.Parts.length, 1);
  await client.send(new s3.AbortMultipartUploadCommand({ Bucket, Key: "aborted", UploadId }));
  await assert.rejects(client.send(new s3.HeadObjectCommand({ Bucket, Key: "aborted" })), { name: "NotFound" });
  await assert.rejects(client.send(new s3.ListPartsCommand({ Bucket, Key: "aborted", UploadId })),
    { name: "NoSuchUpload" });
});

test("listing pages through keys that need an encoding, and deletes many", async () => {
  const keys = Array.from({ length: 23 }, (_, i) => `list/${i % 3}/k ${i}+\u00fc`);
  await Promise.all(keys.map((Key) => client.send(new s3.PutObjectCommand({ Bucket, Key, Body: "" }))));
  const listed = await collect(s3.paginateListObjectsV2({ client, pageSize: 5 }, { Bucket, Prefix: "list/" }),
    "Contents");
  assert.deepEqual(listed.map((o) => o.Key), keys.slice().sort());
  const grouped = await client.send(new s3.ListObjectsV2Command({ Bucket, Prefix: "list/", Delimiter: "/" }));
  assert.deepEqual(grouped.CommonPrefixes.map((p) => p.Prefix), ["list/0/", "list/1/", "list/2/"]);
  const Objects = keys.map((Key) => ({ Key }));
  const deleted = await client.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.equal(deleted.Deleted.length, keys.length);
});

test("an object is copied by the server, and conditions hold", async () => {
  await client.send(new s3.PutObjectCommand({ Bucket, Key: "original", Body: "text", ContentType: "a/b" }));
  await client.send(new s3.CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/original` }));
  const copy = await client.send(new s3.GetObjectCommand({ Bucket, Key: "copy" }));
  assert.deepEqual([await copy.Body.transformToString(), copy.ContentType], ["text", "a/b"]);
  await assert.rejects(client.send(new s3.PutObjectCommand({ Bucket, Key: "copy", Body: "x", IfNoneMatch: "*" })),
    { name: "PreconditionFailed" });
  await assert.rejects(client.send(new s3.GetObjectCommand({ Bucket, Key: "copy", IfNoneMatch: copy.ETag })),
    (error) => error.$metadata.httpStatusCode === 304);
});

test("presigned URLs put and get without credentials", async () => {
  const putUrl = await getSignedUrl(client, new s3.PutObjectCommand({ Bucket, Key: "pre signed" }), { expiresIn: 60 });
  const put = await fetch(putUrl, { method: "PUT", body: "through a URL" });
  assert.equal(put.status, 200, await put.text());
  const getUrl = await getSignedUrl(client, new s3.GetObjectCommand(
    { Bucket, Key: "pre signed", ResponseContentType: "text/special" }), { expiresIn: 60 });
  const got = await fetch(getUrl);
  assert.deepEqual([await got.text(), got.headers.get("content-type")], ["through a URL", "text/special"]);
  const forged = await fetch(getUrl.replace("pre%20signed", "original"));
  assert.equal(forged.status, 403);
  assert.match(await forged.text(), /<Code>SignatureDoesNotMatch<\/Code>/);
});

test("errors are the SDK's own classes", async () => {
  await assert.rejects(client.send(new s3.GetObjectCommand({ Bucket, Key: "nowhere" })), s3.NoSuchKey);
  await assert.rejects(client.send(new s3.CreateBucketCommand({ Bucket: "In_Valid" })), { name: "InvalidBucketName" });
  await assert.rejects(client.send(new s3.ListObjectsV2Command({ Bucket: "nobody-made-this" })), s3.NoSuchBucket);
  const stranger = new s3.S3Client(
    { forcePathStyle: true, credentials: { accessKeyId: "nobody", secretAccessKey: "nothing" } });
  await assert.rejects(stranger.send(new s3.ListBucketsCommand({})), { name: "InvalidAccessKeyId" });
});

test("a training job runs and its log is read", async () => {
  const TrainingJobName = "javascript-job";
  await client.send(new s3.PutObjectCommand({ Bucket, Key: "input/part.csv", Body: "1,2\n" }));
  await jobs.send(new sagemaker.CreateTrainingJobCommand({
    TrainingJobName, RoleArn,
    AlgorithmSpecification: { TrainingImage: program, TrainingInputMode: "File" },
    HyperParameters: { epochs: "3" },
    InputDataConfig: [{ ChannelName: "training", DataSource: { S3DataSource: {
      S3DataType: "S3Prefix", S3Uri: `s3://${Bucket}/input/`, S3DataDistributionType: "FullyReplicated" } } }],
    OutputDataConfig: { S3OutputPath: `s3://${Bucket}/output` },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
    StoppingCondition: { MaxRuntimeInSeconds: 60 },
  }));
  await sagemaker.waitUntilTrainingJobCompletedOrStopped({ client: jobs, ...patience }, { TrainingJobName });
  const job = await jobs.send(new sagemaker.DescribeTrainingJobCommand({ TrainingJobName }));
  assert.ok(job.TrainingEndTime instanceof Date);
  assert.deepEqual([job.TrainingJobStatus, job.HyperParameters], ["Completed", { epochs: "3" }]);
  const [, modelKey] = job.ModelArtifacts.S3ModelArtifacts.split(`s3://${Bucket}/`);
  assert.ok((await client.send(new s3.HeadObjectCommand({ Bucket, Key: modelKey }))).ContentLength > 0);
  const names = await collect(sagemaker.paginateListTrainingJobs({ client: jobs }, {}), "TrainingJobSummaries");
  assert.ok(names.some((summary) => summary.TrainingJobName === TrainingJobName));

  const cloudWatch = new logs.CloudWatchLogsClient({});
  const events = await collect(logs.paginateFilterLogEvents({ client: cloudWatch },
    { logGroupName: "/aws/sagemaker/TrainingJobs", logStreamNamePrefix: TrainingJobName, filterPattern: "\"1,2\"" }),
  "events");
  assert.deepEqual(events.map((event) => event.message), ["saw 1,2"]);
});

test("a tuning job tries values, and its training jobs are paged", async () => {
  const HyperParameterTuningJobName = "javascript-tuning";
  await client.send(new s3.PutObjectCommand({ Bucket, Key: "tuned/part.csv", Body: "1,2\n" }));
  await jobs.send(new sagemaker.CreateHyperParameterTuningJobCommand({
    HyperParameterTuningJobName,
    HyperParameterTuningJobConfig: {
      Strategy: "Bayesian",
      HyperParameterTuningJobObjective: { Type: "Maximize", MetricName: "second" },
      ResourceLimits: { MaxNumberOfTrainingJobs: 3, MaxParallelTrainingJobs: 2 },
      ParameterRanges: { IntegerParameterRanges: [{ Name: "depth", MinValue: "1", MaxValue: "100" }] },
    },
    TrainingJobDefinition: {
      RoleArn,
      AlgorithmSpecification: { TrainingImage: program, TrainingInputMode: "File",
        MetricDefinitions: [{ Name: "second", Regex: "saw 1,([0-9]+)" }] },
      StaticHyperParameters: { epochs: "3" },
      InputDataConfig: [{ ChannelName: "training", DataSource: { S3DataSource: {
        S3DataType: "S3Prefix", S3Uri: `s3://${Bucket}/tuned/`, S3DataDistributionType: "FullyReplicated" } } }],
      OutputDataConfig: { S3OutputPath: `s3://${Bucket}/output` },
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
      StoppingCondition: { MaxRuntimeInSeconds: 60 },
    },
  }));
  const describe = () => jobs.send(
    new sagemaker.DescribeHyperParameterTuningJobCommand({ HyperParameterTuningJobName }));
  const deadline = Date.now() + 60_000;
  let job = await describe(); // the SDK has no waiter for tuning jobs
  while (job.HyperParameterTuningJobStatus === "InProgress" && Date.now() < deadline) {
    await setTimeout(100);
    job = await describe();
  }
  assert.equal(job.HyperParameterTuningJobStatus, "Completed");
  assert.ok(job.HyperParameterTuningEndTime instanceof Date);
  assert.equal(job.BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value, 2);
  const trials = await collect(sagemaker.paginateListTrainingJobsForHyperParameterTuningJob(
    { client: jobs, pageSize: 1 }, { HyperParameterTuningJobName }), "TrainingJobSummaries");
  assert.equal(trials.length, 3);
  for (const trial of trials) assert.match(trial.TunedHyperParameters.depth, /^[0-9]+$/);
  assert.equal(new Set(trials.map((trial) => trial.TunedHyperParameters.depth)).size, 3);
});

test("an endpoint is created, invoked and deleted", async () => {
  const name = "javascript-endpoint";
  await jobs.send(new sagemaker.CreateModelCommand(
    { ModelName: name, ExecutionRoleArn: RoleArn, PrimaryContainer: { Image: program } }));
  await jobs.send(new sagemaker.CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [
    { VariantName: "all", ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: 1 }] }));
  await jobs.send(new sagemaker.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await sagemaker.waitUntilEndpointInService({ client: jobs, ...patience }, { EndpointName: name });
  const invoker = new runtime.SageMakerRuntimeClient({});
  const answer = await invoker.send(new runtime.InvokeEndpointCommand(
    { EndpointName: name, ContentType: "text/plain", Accept: "text/plain", Body: "ping" }));
  assert.deepEqual([answer.Body.transformToString(), answer.ContentType, answer.InvokedProductionVariant],
    ["echo ping", "text/plain", "all"]);
  await assert.rejects(invoker.send(new runtime.InvokeEndpointCommand({ EndpointName: name, Body: "fail" })),
    (error) => error instanceof runtime.ModelError && error.OriginalStatusCode === 500 &&
      error.OriginalMessage === "not today");
  const streamed = await invoker.send(new runtime.InvokeEndpointWithResponseStreamCommand(
    { EndpointName: name, Body: "stream" }));
  let text = "";
  for await (const event of streamed.Body) text += new TextDecoder().decode(event.PayloadPart.Bytes);
  assert.deepEqual([text, streamed.InvokedProductionVariant], ["one two three", "all"]);
  await jobs.send(new sagemaker.DeleteEndpointCommand({ EndpointName: name }));
  await sagemaker.waitUntilEndpointDeleted({ client: jobs, ...patience }, { EndpointName: name });
  await assert.rejects(invoker.send(new runtime.InvokeEndpointCommand({ EndpointName: name, Body: "ping" })),
    { name: "ValidationError" });
});

test("an asynchronous endpoint puts its answer into S3", async () => {
  const name = "javascript-async";
  await jobs.send(new sagemaker.CreateModelCommand(
    { ModelName: name, ExecutionRoleArn: RoleArn, PrimaryContainer: { Image: program } }));
  await jobs.send(new sagemaker.CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [
    { VariantName: "all", ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: 1 }],
  AsyncInferenceConfig: { OutputConfig: { S3OutputPath: `s3://${Bucket}/async` } } }));
  await jobs.send(new sagemaker.CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await sagemaker.waitUntilEndpointInService({ client: jobs, ...patience }, { EndpointName: name });
  await client.send(new s3.PutObjectCommand({ Bucket, Key: "async-input", Body: "ping" }));
  const accepted = await new runtime.SageMakerRuntimeClient({}).send(new runtime.InvokeEndpointAsyncCommand(
    { EndpointName: name, InputLocation: `s3://${Bucket}/async-input`, Accept: "text/plain", InferenceId: "one" }));
  assert.deepEqual([accepted.InferenceId, accepted.OutputLocation], ["one", `s3://${Bucket}/async/one.out`]);
  await s3.waitUntilObjectExists({ client, ...patience }, { Bucket, Key: "async/one.out" });
  const output = await client.send(new s3.GetObjectCommand({ Bucket, Key: "async/one.out" }));
  assert.deepEqual([await output.Body.transformToString(), output.ContentType], ["echo ping", "text/plain"]);
  await jobs.send(new sagemaker.DeleteEndpointCommand({ EndpointName: name }));
});

test("log events are put, read back and refused in the SDK's words", async () => {
  const cloudWatch = new logs.CloudWatchLogsClient({});
  const stream = { logGroupName: "/javascript", logStreamName: "one" };
  await cloudWatch.send(new logs.CreateLogGroupCommand({ logGroupName: stream.logGroupName }));
  await cloudWatch.send(new logs.CreateLogStreamCommand(stream));
  const now = Date.now();
  const logEvents = Array.from({ length: 5 }, (_, i) => ({ timestamp: now + i, message: `{"n":${i}}` }));
  await cloudWatch.send(new logs.PutLogEventsCommand({ ...stream, logEvents }));
  const first = await cloudWatch.send(new logs.GetLogEventsCommand({ ...stream, startFromHead: true, limit: 3 }));
  const second = await cloudWatch.send(
    new logs.GetLogEventsCommand({ ...stream, startFromHead: true, nextToken: first.nextForwardToken }));
  assert.deepEqual([first.events.length, second.events.map((event) => event.message)], [3, ["{\"n\":3}", "{\"n\":4}"]]);
  const matching = await cloudWatch.send(new logs.FilterLogEventsCommand(
    { logGroupName: stream.logGroupName, filterPattern: "{ $.n >= 3 }" }));
  assert.equal(matching.events.length, 2);
  await assert.rejects(cloudWatch.send(new logs.CreateLogGroupCommand({ logGroupName: stream.logGroupName })),
    logs.ResourceAlreadyExistsException);
});
