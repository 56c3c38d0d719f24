// All of nn.
#pragma once

#include "nn/activation.h"
#include "nn/clip_grad.h"
#include "nn/container.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/gpt.h"
#include "nn/init.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/module.h"
#include "nn/multihead_attention.h"
#include "nn/norm.h"
#include "nn/positions.h"
#include "nn/self_attention.h"
#include "nn/summary.h"
#include "nn/transformer.h"
