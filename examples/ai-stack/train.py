"""Fits y = 3x + 2 by least squares and stores the weights: a stand-in for a real training run."""

import sys

import numpy

generator = numpy.random.default_rng(seed=1)
x = generator.uniform(-1.0, 1.0, size=1000)
y = 3.0 * x + 2.0 + generator.normal(0.0, 0.01, size=1000)
weights, *_ = numpy.linalg.lstsq(numpy.column_stack([x, numpy.ones_like(x)]), y, rcond=None)
numpy.savez(sys.argv[1], weights=weights)
