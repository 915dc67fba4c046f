import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: './standin.setup.js',
    testTimeout: 60_000, // a machine under load
    fileParallelism: false, // the files share one stand-in, which each test resets
  },
});
