// S3Uri is part of the S3 client; this is its place among the high-level headers.
#pragma once

#include <sagemaker/clients/s3_uri.hpp>
