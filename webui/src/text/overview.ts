/** Texts of the page "Overview". */
export const text = { title: "Overview" };
