import type { Component } from "svelte";
import type { IconName } from "./components/icons";
import { text } from "./text/shell";

type Load = () => Promise<{ default: Component }>;

/** A page, its place, and who may see it. Pages are fetched when they are first shown. */
export interface Page {
  id: string;
  path: string;
  load: Load;
  /** Viewers may see it too. */
  forViewers?: boolean;
  /** Also paths below belong to it: /dashboard/machines/<id>. */
  deep?: boolean;
  nav?: { label: string; icon: IconName; group?: string };
}

const { nav } = text;

export const pages: readonly Page[] = [
  {
    id: "overview",
    path: "/dashboard",
    load: () => import("./pages/overview/OverviewPage.svelte"),
    forViewers: true,
    nav: { label: nav.overview, icon: "overview" },
  },
  {
    id: "playground",
    path: "/playground",
    load: () => import("./pages/playground/PlaygroundPage.svelte"),
    forViewers: true,
    deep: true,
    nav: { label: nav.playground, icon: "playground" },
  },
  {
    id: "machines",
    path: "/dashboard/machines",
    load: () => import("./pages/machines/MachinesPage.svelte"),
    deep: true,
    nav: { label: nav.machines, icon: "machines", group: nav.groups.cluster },
  },
  {
    id: "endpoints",
    path: "/dashboard/endpoints",
    load: () => import("./pages/endpoints/EndpointsPage.svelte"),
    deep: true,
    nav: { label: nav.endpoints, icon: "endpoints", group: nav.groups.cluster },
  },
  {
    id: "models",
    path: "/dashboard/models",
    load: () => import("./pages/models/ModelsPage.svelte"),
    deep: true,
    nav: { label: nav.models, icon: "models", group: nav.groups.cluster },
  },
  {
    id: "history",
    path: "/dashboard/history",
    load: () => import("./pages/history/HistoryPage.svelte"),
    deep: true,
    nav: { label: nav.history, icon: "history", group: nav.groups.records },
  },
  {
    id: "statistics",
    path: "/dashboard/statistics",
    load: () => import("./pages/statistics/StatisticsPage.svelte"),
    nav: { label: nav.statistics, icon: "statistics", group: nav.groups.records },
  },
  {
    id: "logs",
    path: "/dashboard/logs",
    load: () => import("./pages/logs/LogsPage.svelte"),
    nav: { label: nav.logs, icon: "logs", group: nav.groups.records },
  },
  {
    id: "access",
    path: "/dashboard/access",
    load: () => import("./pages/access/AccessPage.svelte"),
    forViewers: true,
    nav: { label: nav.access, icon: "access", group: nav.groups.administration },
  },
  {
    id: "settings",
    path: "/dashboard/settings",
    load: () => import("./pages/settings/SettingsPage.svelte"),
    nav: { label: nav.settings, icon: "settings", group: nav.groups.administration },
  },
];

/** The page of a path; undefined: there is none. */
export function pageOf(path: string): Page | undefined {
  return (
    pages.find((page) => page.path === path) ??
    pages.find((page) => page.deep && path.startsWith(`${page.path}/`))
  );
}
