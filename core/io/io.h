// All file formats.
#pragma once

#include "core/io/checkpoint.h"
#include "core/io/npy.h"
#include "core/io/safetensors.h"
