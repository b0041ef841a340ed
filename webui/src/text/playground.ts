/** Texts of the page "Playground". */
export const text = { title: "Playground" };
