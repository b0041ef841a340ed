import type { Schema } from "../../api/client";
import type { ChartData } from "../../components/chart";
import { text } from "../../text/overview";

/** Bars of all requests, and over them of those that failed; nothing where there was none at all. */
export function perMinute(minutes: readonly Schema<"Minute">[]): ChartData {
  const series: ChartData["series"] = [
    {
      label: text.chart.requests,
      values: minutes.map((each) => each.success + each.error),
      tone: 1,
      kind: "bars",
    },
    { label: text.chart.failed, values: minutes.map((each) => each.error), tone: 5, kind: "bars" },
  ];
  const any = minutes.some((each) => each.success + each.error > 0);
  return { times: any ? minutes.map((each) => Date.parse(each.minute) / 1000) : [], series };
}
