/** Texts of the page "Endpoints". */
export const text = { title: "Endpoints" };
