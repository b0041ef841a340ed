/** Texts of the page "Logs". */
export const text = { title: "Logs" };
