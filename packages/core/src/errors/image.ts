/** Failures of turning an image into a disk or a deployment. */
export const IMAGE_ERRORS = {
  IMAGE_NO_KERNEL: { exitCode: 3, httpStatus: 422, summary: 'The image holds no kernel.' },
  IMAGE_MANY_KERNELS: { exitCode: 3, httpStatus: 422, summary: 'The image holds more than one kernel.' },
  IMAGE_NO_INITRAMFS: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The image holds no initramfs beside its kernel.',
  },
  IMAGE_NOT_BOOTABLE: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The image lacks something a bootable image needs.',
  },
  IMAGE_WRONG_ARCHITECTURE: {
    exitCode: 3,
    httpStatus: 422,
    summary: 'The image is for another architecture.',
  },
} as const;
