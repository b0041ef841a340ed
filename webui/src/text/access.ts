/** Texts of the page "Access". */
export const text = { title: "Access" };
