import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The node that the dev server passes requests on to. */
const NODE = "http://localhost:32768";

/** Each file also compressed, so that nodes needn't. */
const compressed: Plugin = {
  name: "compressed",
  async writeBundle({ dir }, bundle) {
    const write = async (name: string) => {
      const path = join(dir ?? "dist", name);
      await writeFile(`${path}.gz`, gzipSync(await readFile(path), { level: 9 }));
    };
    await Promise.all(Object.keys(bundle).map(write));
  },
};

/** The dev server shows the playground where nodes do. */
const playground: Plugin = {
  name: "playground",
  configureServer({ middlewares }) {
    middlewares.use((request, _, next) => {
      if (/^\/(playground(\/|\?|$)|$)/.test(request.url ?? "")) request.url = "/dashboard/";
      next();
    });
  },
};

export default defineConfig({
  base: "/dashboard/",
  plugins: [svelte(), compressed, playground],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the Content-Security-Policy lets in files only
    reportCompressedSize: false,
  },
  server: {
    proxy: { "^/(v0|v1|health|startup|openapi.json|log)(/|$)": { target: NODE } },
  },
  test: { include: ["src/**/*.test.ts"] },
});
