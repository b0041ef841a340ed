/** All texts for people, one file per page. Another language is another set of these files. */
export { text as access } from "./access";
export { text as endpoints } from "./endpoints";
export { text as history } from "./history";
export { text as logs } from "./logs";
export { text as machines } from "./machines";
export { text as models } from "./models";
export { text as overview } from "./overview";
export { text as playground } from "./playground";
export { text as settings } from "./settings";
export { text as shell } from "./shell";
export { text as statistics } from "./statistics";
