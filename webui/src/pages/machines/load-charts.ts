import type { Schema } from "../../api/client";
import type { ChartData } from "../../components/chart";
import { text } from "../../text/machines";

type Sample = Schema<"MachineLoad">;

/** Processor, memory and each card, in per cent. */
export function loadChart(samples: readonly Sample[]): ChartData {
  const { detail } = text;
  const cards = Math.max(0, ...samples.map((each) => each.gpus.length));
  return {
    times: timesOf(samples),
    series: [
      { label: detail.cpu, values: samples.map((each) => each.cpu_percent), tone: 1 },
      { label: detail.memory, values: samples.map((each) => each.memory_percent), tone: 2 },
      ...Array.from({ length: cards }, (_, at) => ({
        label: cards === 1 ? text.columns.gpu : `${text.columns.gpu} ${at + 1}`,
        values: samples.map((each) => each.gpus[at]?.used_percent ?? null),
      })),
    ],
  };
}

/** Tokens per second of all answers together. */
export function speedChart(samples: readonly Sample[]): ChartData {
  return {
    times: timesOf(samples),
    series: [{ label: text.detail.speed, values: samples.map((each) => each.tokens_per_s), tone: 4 }],
  };
}

function timesOf(samples: readonly Sample[]): number[] {
  return samples.map((each) => Date.parse(each.at) / 1000);
}
