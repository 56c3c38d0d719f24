// Every module.
#pragma once

#include "nn/init.h"
#include "nn/linear.h"
#include "nn/module.h"
#include "nn/self_attention.h"
