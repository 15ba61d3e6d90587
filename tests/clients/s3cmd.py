"""s3cmd: buckets, put, get, multipart, ls, info, sync, signurl, setacl, copies and errors."""

import os
import unittest
import urllib.error
import urllib.request

import sagemaker_local

S3CMD = sagemaker_local.tool("s3cmd", "Debian: s3cmd")
MIB = 1024 * 1024


class S3cmd(sagemaker_local.EmulatorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        scheme, _, cls.host = cls.emulator.url.partition("://")
        cls.secure = scheme == "https"
        cls.config = cls.emulator.file(
            "s3cfg",
            "\n".join(
                [
                    "[default]",
                    "access_key = " + sagemaker_local.ACCESS_KEY,
                    "secret_key = " + sagemaker_local.SECRET_KEY,
                    "host_base = " + cls.host,
                    "host_bucket = " + cls.host,  # without %(bucket)s: path style
                    "bucket_location = " + sagemaker_local.REGION,
                    f"use_https = {cls.secure}",
                    f"ca_certs_file = {cls.emulator.ca_file or ''}",
                    f"signurl_use_https = {cls.secure}",
                    "multipart_chunk_size_mb = 5",
                    "progress_meter = False",
                ]
            ).encode(),
        )
        cls.page = cls.emulator.file("site/page.html", b"<h1>hello</h1>")
        cls.emulator.file("site/a folder/\u00fcml\u00e4ut+&.txt", b"text")
        cls.emulator.file("site/deep/er/file", os.urandom(1000))
        cls.folder = os.path.dirname(cls.page) + "/"
        cls.s3cmd("mb", "s3://s3cmd")

    @classmethod
    def s3cmd(cls, *arguments, **options):
        return cls.emulator.run(S3CMD, "--config", cls.config, *arguments, **options)

    def test_a_file_goes_up_is_described_and_comes_back(self):
        self.s3cmd("put", self.page, "s3://s3cmd/page.html", "--mime-type=text/html", "--add-header=x-amz-meta-who:me")
        info = self.s3cmd("info", "s3://s3cmd/page.html")
        self.assertIn("File size: 14", info)
        self.assertIn("MIME type: text/html", info)
        self.assertIn("x-amz-meta-who: me", info)
        back = self.emulator.path("page-back.html")
        self.s3cmd("get", "s3://s3cmd/page.html", back)
        self.assertEqual(sagemaker_local.read(back), b"<h1>hello</h1>")
        self.assertIn("Location:  us-east-1", self.s3cmd("info", "s3://s3cmd"))

    def test_a_large_file_travels_in_parts(self):
        body = os.urandom(12 * MIB + 5)
        path = self.emulator.file("large", body)
        self.s3cmd("put", path, "s3://s3cmd/large")
        self.s3cmd("get", "s3://s3cmd/large", path + ".back")
        self.assertTrue(sagemaker_local.read(path + ".back") == body, "the bytes differ")
        self.assertIn("12582917", self.s3cmd("ls", "s3://s3cmd/large"))
        with open(path + ".part", "wb") as file:
            file.write(body[: 5 * MIB])
        self.s3cmd("get", "--continue", "s3://s3cmd/large", path + ".part")
        self.assertTrue(sagemaker_local.read(path + ".part") == body, "the continued file differs")
        self.assertEqual(self.s3cmd("multipart", "s3://s3cmd").strip().splitlines()[1:], ["Initiated\tPath\tId"])

    def test_a_folder_is_synchronised_both_ways(self):
        self.s3cmd("sync", self.folder, "s3://s3cmd/synced/")
        self.assertEqual(self.s3cmd("sync", self.folder, "s3://s3cmd/synced/"), "")
        back = self.emulator.path("site-back", "")
        self.s3cmd("sync", "s3://s3cmd/synced/", back)
        self.assertEqual(sagemaker_local.tree(back), sagemaker_local.tree(self.folder))
        os.remove(os.path.join(back, "page.html"))
        self.s3cmd("sync", "--delete-removed", back, "s3://s3cmd/synced/")
        listed = self.s3cmd("ls", "--recursive", "s3://s3cmd/synced/")
        self.assertEqual(len(listed.splitlines()), 2, listed)
        self.assertIn("s3://s3cmd/synced/a folder/\u00fcml\u00e4ut+&.txt", listed)
        self.assertIn("DIR  s3://s3cmd/synced/deep/", self.s3cmd("ls", "s3://s3cmd/synced/"))

    def test_objects_are_copied_moved_and_deleted(self):
        self.s3cmd("put", self.page, "s3://s3cmd/copies/one")
        self.s3cmd("cp", "s3://s3cmd/copies/one", "s3://s3cmd/copies/two")
        self.s3cmd("mv", "s3://s3cmd/copies/two", "s3://s3cmd/copies/three")
        self.s3cmd("modify", "--add-header=Cache-Control:max-age=9", "s3://s3cmd/copies/three")
        names = [line.split("/")[-1] for line in self.s3cmd("ls", "s3://s3cmd/copies/").splitlines()]
        self.assertEqual(names, ["one", "three"])
        self.s3cmd("del", "--recursive", "--force", "s3://s3cmd/copies/")
        self.assertEqual(self.s3cmd("ls", "s3://s3cmd/copies/"), "")
        self.assertIn("3", self.s3cmd("du", "s3://s3cmd"))

    def test_a_signed_url_works_until_it_is_changed(self):
        self.s3cmd("put", self.page, "s3://s3cmd/signed.html")
        url = self.s3cmd("signurl", "s3://s3cmd/signed.html", "+60").strip()
        with urllib.request.urlopen(url) as answer:  # signed with version 2, as always by s3cmd
            self.assertIn("AWSAccessKeyId", url)
            self.assertTrue(answer.read())
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url.replace("signed.html", "other.html"))
        with caught.exception as answer:
            self.assertEqual(answer.code, 403)
            self.assertIn(b"SignatureDoesNotMatch", answer.read())

    def test_everything_works_with_version_2_of_signatures(self):
        self.s3cmd("--signature-v2", "put", self.page, "s3://s3cmd/old.html")
        self.assertIn("s3://s3cmd/old.html", self.s3cmd("--signature-v2", "ls", "s3://s3cmd"))
        self.s3cmd("--signature-v2", "del", "s3://s3cmd/old.html")

    def test_access_lists_are_set_and_shown(self):
        self.s3cmd("put", self.page, "s3://s3cmd/acl.html")
        self.s3cmd("setacl", "--acl-private", "s3://s3cmd/acl.html")
        self.assertIn("FULL_CONTROL", self.s3cmd("info", "s3://s3cmd/acl.html"))

    def test_buckets_are_listed_and_removed(self):
        self.s3cmd("mb", "s3://s3cmd-two")
        self.assertIn("s3://s3cmd-two", self.s3cmd("ls"))
        self.s3cmd("put", self.page, "s3://s3cmd-two/page")
        self.assertIn("BucketNotEmpty", self.s3cmd("rb", "s3://s3cmd-two", code=13))
        self.s3cmd("rb", "--recursive", "--force", "s3://s3cmd-two")
        self.assertNotIn("s3://s3cmd-two", self.s3cmd("ls"))

    def test_errors_have_their_exit_codes(self):
        missing = self.s3cmd("get", "s3://s3cmd/nowhere", self.emulator.path("x"), code=64)
        self.assertIn("does not exist", missing)
        self.assertIn("NoSuchBucket", self.s3cmd("ls", "s3://no-such-bucket-here", code=12))
        wrong = ("--secret_key=wrong", "ls", "s3://s3cmd")
        self.assertIn("SignatureDoesNotMatch", self.s3cmd(*wrong, code=77))


if __name__ == "__main__":
    unittest.main()
