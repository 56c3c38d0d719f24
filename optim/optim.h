// All optimizers and schedules.
#pragma once

#include "optim/adagrad.h"
#include "optim/adam.h"
#include "optim/ema.h"
#include "optim/lion.h"
#include "optim/lr_scheduler.h"
#include "optim/one_cycle_lr.h"
#include "optim/optimizer.h"
#include "optim/reduce_lr_on_plateau.h"
#include "optim/rmsprop.h"
#include "optim/sgd.h"
