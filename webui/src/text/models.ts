/** Texts of the page "Models". */
export const text = { title: "Models" };
